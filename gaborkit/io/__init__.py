"""Files: pictures, JSON, tables, journals, written whole or not at all.

::

    locks, files                     one writer at a time, files written whole
    strict_json, journal, tables     JSON, lines that are believed, text that fits
    pictures/, images                formats, and the way in
"""
