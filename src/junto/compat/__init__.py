"""The names of older libraries, for programs that move to junto by a change of their import lines."""
