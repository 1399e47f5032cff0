"""Other people's packages, each in an environment of its own, asked what our checks should agree with."""
