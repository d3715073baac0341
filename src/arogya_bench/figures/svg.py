"""What a rendered chart needs to stand in a page: identifiers of its own, a text alternative, colours of the page."""

import re
from hashlib import sha256
from xml.sax.saxutils import quoteattr

from arogya_bench.figures import theme

# Attributes are changed within tags only, since names of models are text of the chart, whatever they hold.
_TAG = re.compile(r'<\w+(?:\s+[\w:-]+="[^"]*")+')
_IDENTIFIER = re.compile(r'\sid="([^"]+)"')
_REFERENCE = re.compile(r'(\sid="|url\(#|href="#)([^")]+)')
_COLOUR = re.compile(r'\b(fill|stroke)="(#[0-9a-f]{6}|white)"')
_ROLE = re.compile(r'\s(?:aria-[a-z]+|role)="[^"]*"')


def number_identifiers(svg: str) -> str:
    """Name gradients and clips by the content, so that charts share no name and identical charts are identical.

    The renderer counts them over the life of the process.
    """
    found = [name for tag in _TAG.findall(svg) for name in _IDENTIFIER.findall(tag)]
    places = {name: place for place, name in enumerate(dict.fromkeys(found))}

    def rename(tag: str, prefix: str) -> str:
        return _REFERENCE.sub(lambda match: f"{match[1]}{prefix}-{places.get(match[2], match[2])}", tag)

    digest = sha256(_TAG.sub(lambda tag: rename(tag[0], ""), svg).encode()).hexdigest()
    return _TAG.sub(lambda tag: rename(tag[0], f"c{digest[:10]}"), svg)


def describe_svg(svg: str, alternative: str) -> str:
    """Mark the chart as one image with a text alternative, in place of those of its parts."""
    plain = _TAG.sub(lambda tag: _ROLE.sub("", tag[0]), svg)
    return plain.replace("<svg ", f'<svg role="img" aria-label={quoteattr(" ".join(alternative.split()))} ', 1)


def use_variables(svg: str) -> str:
    """Let the colours of text, axes, background and lines follow CSS variables, so that a dark page can set them."""
    names = {light: name for name, light, _ in theme.VARIABLES}

    def variable(match: re.Match[str]) -> str:
        attribute, colour = match.groups()
        return f'{attribute}="var(--chart-{names[colour]}, {colour})"' if colour in names else match.group()

    return _TAG.sub(lambda tag: _COLOUR.sub(variable, tag[0]), svg)
