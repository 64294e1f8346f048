from line_echo import echo

from junto.protocols import Steps, protocol, read_some
from junto.testing import feed


@protocol
def first_word() -> Steps[bytes]:
    """Take the first piece for the first word, which works with the pieces of most tests."""
    text = yield from read_some()
    return text.split()[0]


def main() -> None:
    outcome = feed(echo, b"hello\n\nworld\nand")
    print(outcome.output, outcome.unused)
    try:
        feed(first_word, b"hello world")
    except AssertionError as error:
        print(str(error).splitlines()[-1])


if __name__ == "__main__":
    main()
