"""One input format each: text -> values of the model, with the file and line of everything."""
