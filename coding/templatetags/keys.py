"""A person's keys on a page. Hints are there while shortcuts are off too: the style sheet hides them, so that the
switch works at once."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from coding import keys

register = template.Library()

NEEDS = {"reading": ("",), "audit": ("", "answers"), "coding": ("", "answers", "codes")}


def changed(context: Context) -> dict[str, str]:
    """What the person changed. A component that is included with `only` knows its person by the request."""
    user = context.get("user") or getattr(getattr(context, "request", None), "user", None)
    return getattr(user, "keys", {})


def hint(key: str) -> SafeString:
    return format_html('<kbd class="hint" aria-hidden="true">{}</kbd>', keys.shown(key))


def commands(whose: str) -> Iterator[keys.Command]:
    """The commands of a chart's page for somebody who reads it, audits it or codes it."""
    return (one for one in keys.COMMANDS if one.page == "chart" and one.needs in NEEDS[whose])


@register.simple_tag(takes_context=True)
def key(context: Context, command: str) -> SafeString:
    """The first key of a command, as a hint beside the words of its button."""
    found = keys.keys_of(changed(context), command)
    return hint(found[0]) if found else SafeString("")


@register.simple_tag(takes_context=True)
def key_map(context: Context) -> str:
    """{page: {key: command}} for the page's script."""
    return json.dumps({page: keys.bindings(changed(context), page) for page in ("chart", "queue")}, ensure_ascii=False)


@register.simple_tag(takes_context=True)
def key_line(context: Context, whose: str) -> SafeString:
    """The keys of every hour in one line; whose: reading, audit or coding."""
    entries = []
    for short, group in groupby((one for one in commands(whose) if one.short), key=lambda one: one.short):
        found = [keys.keys_of(changed(context), one.name)[:1] for one in group]
        hints = format_html_join(" ", "{}", ((hint(key),) for first in found for key in first))
        if hints:
            entries.append(format_html("{} {}", hints, short))
    return format_html_join(" · ", "{}", ((entry,) for entry in entries))


@register.simple_tag(takes_context=True)
def key_list(context: Context, whose: str) -> list[dict[str, Any]]:
    """Every command that has a key, with its keys as they are shown."""
    rows = [{"does": one.does, "keys": [keys.shown(k) for k in keys.keys_of(changed(context), one.name)]}
            for one in commands(whose)]  # fmt: skip
    return [row for row in rows if row["keys"]]
