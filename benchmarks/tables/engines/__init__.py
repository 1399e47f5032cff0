"""One stand-alone script for each peer, run inside that peer's environment; they never import each other's packages."""
