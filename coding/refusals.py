"""What an action refuses because of how things stand. A page says the sentence, the API answers 409 with it; what a
person may not do is `coding.permissions.NotAllowed`."""


class Refused(Exception):
    """The action does not go, or lacks something, and nothing was changed. The message tells the person what to do."""


class NotAnAnswer(Refused):
    """What was given does not fit what was asked, or lacks what it needs. The message says what to give."""
