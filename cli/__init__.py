"""The command ``gaborkit``, installed as the package ``gaborkit_cli``."""
