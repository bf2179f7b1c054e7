// What the theme leaves out for readers, in elements of which it adds some itself.
function mend() {
  const whole = window.innerWidth < 960 ? 24 : 42 // characters
  for (const code of document.querySelectorAll("code:not(pre code)"))
    if (code.textContent.length < whole) code.style.whiteSpace = "nowrap"
  for (const button of document.querySelectorAll(".md-code__nav")) button.setAttribute("role", "none")
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap, table"))
    if (table.scrollWidth > table.clientWidth) table.tabIndex = 0
}
new MutationObserver(mend).observe(document.body, {childList: true, subtree: true})
mend()
