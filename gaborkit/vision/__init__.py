"""Recipes: textures, edges, orientation, fingerprints and defects, each named after its source."""
