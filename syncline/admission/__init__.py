"""Admission decides whether a due run may start, and puts the decision on record.

`admit` opens one transaction: it locks the lease, `facts` reads what is on record, `decide` chooses without writing
anything, `apply` writes. `wait` repeats that for a run that may wait for its turn.
"""
