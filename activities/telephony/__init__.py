"""Telephony providers behind one small interface. No Temporal below here."""
