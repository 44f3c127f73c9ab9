"""What is measured: each module runs as a process of its own and does one work, told in its argument."""
