"""Measurements of synthdiff beside its peers; no part of the installed package."""
