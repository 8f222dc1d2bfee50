"""The keys of the pages: one table of commands, and what a person made of it. Pure.

A command is on one page ("chart" or "queue"). Its keys are names as a browser's KeyboardEvent.key gives them, letters
in lower case, separated by spaces: "x d" is two keys for one command, "" none. What a person changed is stored as
{command: keys}; the rest follows this table, also where a later version changes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """needs: who has it on a chart's page: everybody (""), who answers, auditors too ("answers"), who codes ("codes").

    short: its words in the line at the foot of the page; commands beside each other that share them are one entry.
    """

    name: str
    keys: str
    does: str
    page: str = "chart"
    needs: str = ""
    short: str = ""


COMMANDS = (
    Command("next_question", "j", "next question", short="question"),
    Command("previous_question", "k", "previous question", short="question"),
    Command("next_evidence", "n", "next evidence of the question", short="evidence"),
    Command("previous_evidence", "p", "previous evidence of the question", short="evidence"),
    Command("accept", "a", "accept an addition; in an audit, agree", needs="answers", short="accept"),
    Command("keep", "v", "keep an existing code", needs="answers", short="keep"),
    Command("refuse", "x d", "reject an addition, delete an existing code; in an audit, overturn",
            needs="answers", short="reject or delete"),
    Command("change", "m", "change the code", needs="answers", short="change"),
    Command("query", "q", "query the provider", needs="answers", short="query"),
    Command("undo", "u", "undo the last answer, or that of the question in focus", needs="codes", short="undo"),
    Command("mark_monitor", "1", "mark the selected text as Monitor", needs="codes", short="mark the selected text"),
    Command("mark_evaluate", "2", "mark it as Evaluate", needs="codes", short="mark the selected text"),
    Command("mark_assess", "3", "mark it as Assess", needs="codes", short="mark the selected text"),
    Command("mark_treat", "4", "mark it as Treat", needs="codes", short="mark the selected text"),
    Command("remove_evidence", "Backspace Delete", "take away the evidence that was gone to", needs="codes"),
    Command("add", "c", "add a code for the selected text", needs="codes"),
    Command("hold", "h", "set the chart aside", needs="codes"),
    Command("finish", "s", "finish the chart, conclude the audit", needs="answers"),
    Command("find", "/", "find in the notes", short="find"),
    Command("help", "?", "keys and marks"),
    Command("next_chart", "n", "get the next chart", page="queue"),
)  # fmt: skip
BY_NAME = {command.name: command for command in COMMANDS}
# Neither moves the focus, nor scrolls, nor is the browser's own. Programmable pads send F13 to F24.
NAMED = ("Backspace", "Delete", "Insert", "F2", "F4", "F8", "F9", *(f"F{n}" for n in range(13, 25)))
SHOWN = {"Backspace": "⌫", "Delete": "Del", "Insert": "Ins"}
MOST_KEYS = 3


class KeysRefused(ValueError):
    """Nothing is changed; problems: command -> a sentence for a person."""

    def __init__(self, problems: dict[str, str]):
        super().__init__(" ".join(problems.values()))
        self.problems = problems


def keys_of(changed: Mapping[str, str], name: str) -> list[str]:
    """The keys of a command as this person has them, the first of them the one that buttons show."""
    return changed.get(name, BY_NAME[name].keys).split()


def bindings(changed: Mapping[str, str], page: str) -> dict[str, str]:
    """key -> command of one page."""
    commands = (command.name for command in COMMANDS if command.page == page)
    return {key: name for name in commands for key in keys_of(changed, name)}


def shown(key: str) -> str:
    """A key as a button shows it."""
    return SHOWN.get(key, key.upper() if len(key) == 1 else key)


def read(typed: Mapping[str, str]) -> dict[str, str]:
    """What a person wants changed, from {command: keys as typed}; a command that is missing keeps its own keys.

    Returns the differences from the table only. Raises KeysRefused with every problem at once.
    """
    problems: dict[str, str] = {}
    wanted: dict[str, list[str]] = {}
    for command in COMMANDS:
        found = [named(key) for key in typed.get(command.name, command.keys).split()]
        wanted[command.name] = [key for key in found if key]
        if None in found:
            problems[command.name] = (
                f"“{command.does}”: a key is one letter, digit or sign, or one of {', '.join(NAMED[:7])}, F13 to F24."
            )
        elif len(found) > MOST_KEYS:
            problems[command.name] = f"“{command.does}” has more than {MOST_KEYS} keys."
    holder: dict[tuple[str, str], Command] = {}
    for command in COMMANDS:
        for key in wanted[command.name]:
            first = holder.setdefault((command.page, key), command)
            if first is not command or wanted[command.name].count(key) > 1:
                problems.setdefault(
                    command.name, f"{shown(key)} is taken twice: for “{first.does}” and for “{command.does}”."
                )
    if problems:
        raise KeysRefused(problems)
    return {name: " ".join(keys) for name, keys in wanted.items() if " ".join(keys) != BY_NAME[name].keys}


def named(key: str) -> str | None:
    """The browser's name of a key as somebody may write it, or None for what cannot be one."""
    written = next((name for name in NAMED if key.lower() in (name.lower(), SHOWN.get(name, name).lower())), None)
    lower = key.lower()
    return written or (lower if len(key) == len(lower) == 1 and key.isprintable() else None)
