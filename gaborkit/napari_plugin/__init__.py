"""The plugin of napari: banks, orientation and painted textures over the layers of its viewer.

``napari.yaml`` says to napari what there is; ``widgets`` are the panels, ``layers`` what they add.
"""
