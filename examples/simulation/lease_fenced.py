"""The same, mended: the account refuses whoever comes with an older lease than it has seen."""

from lease import Account

from junto import expose


class FencedAccount(Account):
    def __init__(self) -> None:
        super().__init__()
        self.newest = 0

    @expose
    def read(self, lease: int) -> int:
        self.check(lease)
        return super().read(lease)

    @expose
    def write(self, balance: int, lease: int) -> None:
        self.check(lease)
        super().write(balance, lease)

    def check(self, lease: int) -> None:
        if lease < self.newest:
            raise PermissionError(f"lease {lease} is over: {self.newest} was given since")
        self.newest = lease
