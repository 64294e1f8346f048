from collections.abc import Iterator

from junto import expose


class Math:
    @expose
    def add(self, a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @expose
    def divide(self, a: float, b: float = 2.0) -> float:
        """Divide a by b."""
        return a / b

    @expose
    def greet(self, name: str) -> str:
        """Greet somebody."""
        return f"Hello, {name}!"

    @expose
    def powers(self, base: int, count: int) -> Iterator[int]:
        """Give the powers of a number, one after the other."""
        for exponent in range(count):
            yield base**exponent
