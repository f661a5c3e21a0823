"""The web page: jobs in folders, painted by processes of their own, and a page that shows them."""
