"""What is raised where a setting cannot be used."""


class InvalidSetting(ValueError):
    """A setting is missing or malformed; the text is a sentence that says how to mend it."""
