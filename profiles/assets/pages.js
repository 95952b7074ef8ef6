// What makes the pages nicer where scripts run. Nothing here is needed.
"use strict";

// What a reader of the screen is to say.
const said = document.getElementById("said");

// Puts a text into the clipboard, without the modern way where the page did not come by TLS.
async function copy(source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(source.textContent.trim());
  getSelection().selectAllChildren(source);
  if (!document.execCommand("copy")) throw new Error("not copied");
}

// A button that copies what its data-copy names. Where that fails, what it names is selected.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) continue;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await copy(source);
    } catch {
      getSelection().selectAllChildren(source);
      return;
    }
    button.textContent = said.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; said.textContent = ""; }, 2000);
  });
}

// A button that is pressed twice sends its form once. A little later it may be meant: the first answer did not come.
for (const form of document.querySelectorAll("form[method=post]")) {
  let last = -Infinity;
  form.addEventListener("submit", (event) => {
    const now = performance.now();
    if (now - last < 3000) event.preventDefault();
    else last = now;
  });
  addEventListener("pageshow", () => { last = -Infinity; });
}

// The list of what is wrong is read first.
const errors = document.getElementById("errors");
if (errors) errors.focus();

// Everything, or some: the one takes the ticks of the others away.
for (const all of document.querySelectorAll("input[name=scope][value=all]")) {
  const some = all.closest("fieldset").querySelectorAll("input[name=scope]:not([value=all])");
  all.addEventListener("change", () => { if (all.checked) for (const box of some) box.checked = false; });
  for (const box of some) box.addEventListener("change", () => { if (box.checked) all.checked = false; });
}

// A button that is asked about first.
for (const button of document.querySelectorAll("button[data-confirm]")) {
  button.addEventListener("click", (event) => {
    if (!confirm(button.dataset.confirm)) event.preventDefault();
  });
}

// Passkeys: the server asks, the browser answers, the form carries the answer.
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const known = window.PublicKeyCredential;
  if (!known || !known.parseCreationOptionsFromJSON || !known.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  const failed = form.querySelector("[data-failed]");
  form.querySelector("button").addEventListener("click", async () => {
    failed.textContent = "";
    try {
      const asked = await fetch(form.dataset.begin, { method: "POST", headers: { Accept: "application/json" } });
      if (!asked.ok) throw new Error(asked.statusText);
      const options = await asked.json();
      const answer = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: known.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: known.parseRequestOptionsFromJSON(options) });
      form.elements.answer.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch {
      failed.textContent = failed.dataset.failed;
    }
  });
}
