"""The same, mended: an order keeps its number when it is sent again, and the shop knows it by that."""

from retry import Shop


class CarefulShop(Shop):
    def sell(self, order: str) -> None:
        if order not in self.sold:
            super().sell(order)
