"""A chat on the terminal: texts, numbered buttons, pages, and a way back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from lekalo_client.bot import Page

ItemT = TypeVar("ItemT")

LONGEST = 256
"""The service takes a car's description up to this length."""


class Back(Exception):
    """The customer pressed the button that leads back."""


class Terminal:
    """Numbers press buttons, 0 leads back, ‹ and › (or < and >) turn pages, anything else is text."""

    def __init__(self, back: str) -> None:
        self.back = back

    def say(self, text: str) -> None:
        """Says something to the customer."""
        print(f"\n{text}", flush=True)

    def hear(self) -> str:
        """What the customer says, as soon as it is something. A script's lines are shown, its comments passed over."""
        typing = sys.stdin.isatty()
        while True:
            heard = input("> " if typing else "").strip()[:LONGEST]
            if not heard or (heard.startswith("#") and not typing):
                continue
            if not typing:
                print(f"> {heard}")
            if heard == "0":
                raise Back
            return heard

    def ask(self, text: str) -> str:
        """Asks for something that is typed."""
        self.say(text)
        self.show([])
        return self.hear()

    def press(self, text: str, buttons: Sequence[str], *, back: bool = True) -> int:
        """Asks until one of the buttons is pressed."""
        while isinstance(pressed := self.choose(text, buttons, back=back), str):
            pass
        return pressed

    def choose(self, text: str, buttons: Sequence[str], *, back: bool = True) -> int | str:
        """Asks for one of the buttons, or for something that is typed instead."""
        self.say(text)
        self.show(buttons, back=back)
        heard = self.hear()
        place = number(heard, len(buttons))
        return place - 1 if place else heard

    def turn(
        self, load: Callable[[int], Page[ItemT]], text: str, button: Callable[[ItemT], str], empty: str
    ) -> ItemT | str:
        """Shows a list page by page until an item is chosen, or something is typed instead."""
        page = load(1)
        if not page.total:
            return self.ask(empty)
        while True:
            self.say(text.replace("{page}", str(page.number)).replace("{pages}", str(page.pages)))
            self.show([button(item) for item in page])
            print(f"  {'‹' if page.has_previous else ' '} {page.label} {'›' if page.has_next else ' '}")
            heard = self.hear()
            if heard in {"‹", "<"}:
                page = load(max(1, page.number - 1))
            elif heard in {"›", ">"}:
                page = load(page.number + 1)  # past the last page comes the last one
            elif place := number(heard, len(page)):
                return page.items[place - 1]
            else:
                return heard

    def show(self, buttons: Sequence[str], *, back: bool = True) -> None:
        """Shows numbered buttons, and the one that leads back."""
        for place, button in enumerate(buttons, 1):
            print(f"  [{place}] {button}")
        if back:
            print(f"  [0] {self.back}")


def number(text: str, most: int) -> int:
    """The number of a button, or 0 for anything else."""
    return int(text) if text in map(str, range(1, most + 1)) else 0
