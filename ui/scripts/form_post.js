// Sends the answer on its way at once; without scripts the button does.
document.getElementById("form-post").submit();
