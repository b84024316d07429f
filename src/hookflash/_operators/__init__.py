"""The commands of `hookflash` for whoever runs the engine: find transfers, look at them, act on many, judge the set-up.

One module per command; each has `add`, which adds its arguments, and names the function that carries it out.
"""
