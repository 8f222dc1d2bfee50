"""The writes. Each is one keyword-only function with `by=`, one transaction, one line in the trail."""
