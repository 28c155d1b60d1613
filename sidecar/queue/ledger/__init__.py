"""What jobs reserve and spend, and the caps that hold for it."""
