"""What decisions of budgets and breakers cost, beside what else decides them; and whether upstreams notice."""
