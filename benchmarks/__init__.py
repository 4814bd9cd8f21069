"""Side-by-side timings of txsafe and the tools around it; see `README.md`."""
