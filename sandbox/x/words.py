"""What people who mention us are called, and say."""

PEOPLE = (
    "alba", "bruno", "chiara", "dario", "edda", "farid", "greta", "hugo", "ines", "jonas", "kaya", "lena",
    "mika", "nora", "oskar", "paula", "quinn", "rosa", "samir", "tilda", "umberto", "vera", "wanda", "yusuf",
)  # fmt: skip
SAYINGS = (
    "count me in",
    "this is my entry",
    "joining this round",
    "here we go again",
    "good luck to all",
    "my guess for this round",
    "first time, be kind",
    "took me a whole day",
)
