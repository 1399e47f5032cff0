"""Reading a page as strictly as a browser does not, and what every page of the report must keep."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Reads a page strictly: every element closed in order, no attribute twice."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice: {attrs}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"</{tag}> closes {self._open[-3:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def text(self) -> str:
        """What a reader sees."""
        return re.sub(r"[ \n]+", " ", " ".join(text for inside, text in self.texts if inside not in ("style", "title")))

    def all(self, *tags: str) -> Iterator[tuple[str, dict[str, str | None]]]:
        """The elements of these kinds."""
        return (element for element in self.elements if element[0] in tags)


def assert_closed(page: Reader) -> None:
    """Nothing is fetched, and nothing runs."""
    for tag, attributes in page.elements:
        assert tag not in ("script", "iframe", "object", "embed", "form", "img", "base", "audio", "video")
        for name, value in attributes.items():
            assert not name.startswith("on"), f"<{tag} {name}>"
            if name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster", "background"):
                inside = tag == "image" and str(value).startswith("data:image/png;base64,")
                assert value is not None and (value.startswith("#") or value == "data:," or inside), f"<{tag} {name}>"
            for target in re.findall(r"url\(([^)]*)\)", value or ""):
                assert target.startswith("#"), f"<{tag} {name}={value!r}>"
    for inside, text in page.texts:
        if inside == "style":
            assert "url(" not in text and "@import" not in text and "//" not in text
    (policy,) = (a for _, a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'; style-src 'unsafe-inline'")


def assert_sound(page: Reader) -> None:
    """Headings nest, references lead somewhere, and drawings and tables say what they are."""
    levels = [int(tag[1]) for tag, _ in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), "a heading level is skipped"

    identifiers = Counter(a["id"] for _, a in page.elements if "id" in a)
    assert [name for name, n in identifiers.items() if n > 1] == []
    for _, attributes in page.elements:
        for name, value in attributes.items():
            references = [str(value)[1:]] if name == "href" and str(value).startswith("#") else []
            references += re.findall(r"url\(#([^)]*)\)", value or "")
            references += str(value).split() if name == "aria-labelledby" else []
            for reference in references:
                assert reference in identifiers, f"{name}={value!r} leads nowhere"

    for _, attributes in page.all("svg"):
        assert attributes["role"] == "img" and len(str(attributes["aria-label"])) > 9
        assert str(attributes["viewbox"]).startswith("0 0 ")
    assert sum(1 for _ in page.all("caption")) == sum(1 for _ in page.all("table"))
    assert all(a.get("scope") in ("col", "row", "rowgroup") for _, a in page.all("th"))
    assert next(page.all("html"))[1]["lang"] == "en"
