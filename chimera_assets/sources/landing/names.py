"""Names of files as they are shown: what would act on a terminal or hide is an escape."""


def shown_name(uri: str) -> str:
    r"""The name, every character that is not seen as Python writes it: `\n`, `\x1b`, `\u202e`."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in uri
    )
