"""Names of libraries that junto succeeds, for programs that are to change their import lines only."""
