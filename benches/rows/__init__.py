"""What is measured: a row is one question, a cell one server's answer."""
