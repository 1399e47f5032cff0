"""Synthetic clinical tables and medical images by score-based diffusion, audited and released with evidence."""
