// What makes the pages nicer where scripts run. Nothing here is needed.
"use strict";

// A button that copies what its data-copy names.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// The list of what is wrong is read first.
const errors = document.getElementById("errors");
if (errors) errors.focus();
