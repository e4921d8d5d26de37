"""What tasks print, and commands inside them."""
