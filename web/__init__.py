from syncline import tracking

tracking.refuse()  # before anything of this package imports Prefect, which looks for it once
