// Wide tables scroll by keyboard, too.
addEventListener("load", () => setTimeout(() => {
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap")) {
    wide.tabIndex = 0;
    wide.role = "region";
    wide.ariaLabel = "Table";
  }
}, 100));
