"""The tables' common base, the engine, migrations."""
