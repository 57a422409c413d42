"""The instructor's package: the judge, the exercises, and what is built from them."""
