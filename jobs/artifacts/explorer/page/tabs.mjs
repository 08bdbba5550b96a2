// Tabs as the ARIA Authoring Practices have them: arrow keys, Home and End move between them, and
// one panel is shown at a time.

/** Makes the buttons in `list` tabs of the panels they control; calls `opened` with a panel's id.
 *  Returns a function that opens the panel of an id. */
export function prepareTabs(list, opened) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

  const open = (wanted) => {
    for (const tab of tabs) {
      tab.ariaSelected = tab === wanted;
      tab.tabIndex = tab === wanted ? 0 : -1;
      panelOf(tab).hidden = tab !== wanted;
    }
    opened(panelOf(wanted).id);
  };

  const key = (event) => {
    const current = tabs.indexOf(event.target);
    const next = {
      ArrowRight: current + 1,
      ArrowLeft: current - 1,
      Home: 0,
      End: tabs.length - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const tab = tabs[(next + tabs.length) % tabs.length];
    tab.focus();
    open(tab);
  };

  for (const tab of tabs) {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", key);
  }
  return (id) => open(tabs.find((tab) => panelOf(tab).id === id));
}
