"""How hard properties are tried: `--hypothesis-profile=night` tries ten times as many examples."""

from hypothesis import settings

settings.register_profile("change", deadline=None)  # a busy machine is no failure
settings.register_profile("night", deadline=None, max_examples=1000)
settings.load_profile("change")
