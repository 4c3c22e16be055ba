"""Families of models behind one interface: how they are trained, kept, judged, tuned and served."""
