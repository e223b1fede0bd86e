"""The rules of projects: one subroom a noun, each with `models.py` (tables and values) and
`service.py` (what may be done). No web framework: web and the Hub's spawner both ask here.
"""
