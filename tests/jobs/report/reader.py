# SPDX-License-Identifier: MIT-0
"""Reads a page as a browser would: its words, its pictures, and everything it refers to."""

import html.parser
import re


class Reader(html.parser.HTMLParser):
    """Collects them.

    Attributes:
        text: the words, with single spaces.
        pictures: the alternative text of each picture.
        addresses: every address that the page would load or lead to.
        tags: the names of all elements.
        ids: every id, in order.
        headings: their levels, in order.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.pictures, self.addresses, self.tags = [""], [], [], set()
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.feed(page)
        self.text = re.sub(r"\s+", " ", " ".join(self.words)).replace(" .", ".").replace("\u00ad", "")

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attributes)
        self.addresses += [value or "" for name, value in attributes if name in {"src", "href", "srcset", "action"}]
        self.ids += [values["id"] or ""] if "id" in values else []
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in {"img", "svg"}:
            self.pictures.append(values.get("alt" if tag == "img" else "aria-label") or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
