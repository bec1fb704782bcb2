"""A page to play with kernels, banks and models in a browser, served by this machine to itself.

A tab is a list of controls and a function from their values to panels, Python and a command
(`tabs`); the server (`server`) hands both to a static page, which draws them.
"""
