"""Everything on one machine: what `syncline up` and a manual run are made of."""
