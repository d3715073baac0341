"""What is wrong with the data, said in stable codes before any number is made."""
