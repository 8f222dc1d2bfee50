"""Published model packages -> this project's own table format.

A reader turns one publisher's files into a Draft and says everything that it could not understand; `check` looks for
contradictions; `difference` is for a person to read; `store` keeps the releases for use, all or none. Nothing is stored
when anything is wrong. `write` makes one release folder: how the shipped ones were made (`scoring.importing.seed`).
"""

from scoring.importing.draft import Draft, difference, write
from scoring.importing.store import Found, find, store

__all__ = ["Draft", "Found", "difference", "find", "store", "write"]
