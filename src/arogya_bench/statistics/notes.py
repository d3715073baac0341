"""Caveats that several results share."""

FEW_GROUPS = 30


def join_notes(*notes: str) -> str:
    """Join notes with semicolons, without empty ones."""
    return "; ".join(note for note in notes if note)


def few_groups_note(groups: int) -> str:
    """Return a caveat if there are few groups, else an empty string."""
    return f"only {groups} groups: the interval may be too narrow" if groups < FEW_GROUPS else ""


def undefined_note(share: float) -> str:
    """Return a caveat if a share of the resamples is undefined, else an empty string."""
    return f"{share:.2%} of the resamples are undefined and left out" if share else ""
