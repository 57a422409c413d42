"""The oracle: one module a chapter, in float64, straight from the formula."""
