"""`syncline new`: looks at an API, guesses a source, tries it out and writes it."""
