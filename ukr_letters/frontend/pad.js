// The drawing pad in the browser: an ipycanvas surface that the kernel paints, and above it a
// transparent layer that shows ink the moment the pointer moves and sends one message per stroke.

const TAP = 3; // CSS px: a stroke that stays within this is a dot
const APART = 0.5; // pad units: closer points say nothing new
const PEN_NEAR = 1500; // ms after a sign of the pen in which a touch is the palm of the hand that holds it
const PALM_FIRST = 800; // ms before the pen comes in which its palm may have touched the pad

const round = (value) => Math.round(value * 10) / 10;

// The ipycanvas surface: a view of the child widget, stretched over the frame by the stylesheet.
async function showSurface(model, frame) {
  const reference = String(model.get("surface")).replace("IPY_MODEL_", "");
  const surface = await model.widget_manager.get_model(reference);
  const view = await model.widget_manager.create_view(surface);
  view.el.classList.add("ukr-pad-surface");
  view.el.setAttribute("aria-hidden", "true");
  view.el.inert = true; // ipycanvas takes the focus and keeps Tab for itself
  frame.prepend(view.el);
}

// The layer draws in pad units whatever its size on the screen.
function fitLayer(layer, size) {
  const sharp = layer.getBoundingClientRect().width * (window.devicePixelRatio || 1);
  layer.width = layer.height = Math.max(1, Math.round(sharp));
  layer.getContext("2d").scale(layer.width / size, layer.height / size);
}

function drawPart(layer, pen, from, to) {
  const context = layer.getContext("2d");
  context.strokeStyle = pen.colour;
  context.lineWidth = pen.width;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(from[0], from[1]);
  context.lineTo(to[0], to[1]);
  context.stroke();
}

function drawStroke(layer, pen, points) {
  drawPart(layer, pen, points[0], points[0]);
  for (let i = 1; i < points.length; i++) drawPart(layer, pen, points[i - 1], points[i]);
}

function render({ model, el }) {
  const pen = model.get("pen");
  const frame = document.createElement("div");
  frame.className = "ukr-pad";
  const layer = document.createElement("canvas");
  layer.className = "ukr-pad-layer";
  layer.setAttribute("role", "img");
  layer.setAttribute("aria-label", model.get("label"));
  frame.append(layer);
  el.append(frame);

  let stroke = null; // the stroke under the pointer: {pointer, device, points, near}
  let penSeen = -Infinity; // when the pen was last on the pad or above it
  let touched = []; // when the latest strokes of a finger ended; an empty list once something else has drawn
  let number = 0; // strokes sent by this page
  let clock = 0; // time of the latest point; devices may report a coalesced point late
  const pending = new Map(); // number -> points that the kernel has not painted yet

  // Only ink the kernel has not painted yet lives on the layer.
  const repaint = () => {
    layer.getContext("2d").clearRect(0, 0, pen.size, pen.size);
    for (const points of pending.values()) drawStroke(layer, pen, points);
    if (stroke) drawStroke(layer, pen, stroke.points);
  };

  const place = (event) => {
    const box = layer.getBoundingClientRect();
    clock = Math.max(clock, Math.round(event.timeStamp));
    const inside = (value) => Math.min(pen.size, Math.max(0, round(value)));
    return [
      inside(((event.clientX - box.left) / box.width) * pen.size),
      inside(((event.clientY - box.top) / box.height) * pen.size),
      clock,
    ];
  };

  const extend = (event) => {
    const coalesced = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const part of coalesced.length ? coalesced : [event]) {
      const point = place(part);
      const last = stroke.points[stroke.points.length - 1];
      const far = Math.max(Math.abs(part.clientX - stroke.x), Math.abs(part.clientY - stroke.y));
      stroke.near = stroke.near && far < TAP;
      if (Math.hypot(point[0] - last[0], point[1] - last[1]) < APART) continue;
      stroke.points.push(point);
      drawPart(layer, pen, last, point);
    }
  };

  const cancel = () => {
    stroke = null;
    repaint();
  };

  const begin = (event) => {
    const penOverPalm = stroke && event.pointerType === "pen" && stroke.device === "touch";
    if ((stroke && !penOverPalm) || event.button !== 0) return; // a second finger, another button
    if (event.pointerType === "touch" && event.timeStamp - penSeen < PEN_NEAR) return;
    event.preventDefault();
    layer.setPointerCapture(event.pointerId);
    stroke = {
      pointer: event.pointerId,
      device: event.pointerType || "mouse",
      x: event.clientX,
      y: event.clientY,
      near: true,
      points: [place(event)],
      palms: event.pointerType === "pen" ? touched.filter((ended) => event.timeStamp - ended < PALM_FIRST).length : 0,
    };
    if (penOverPalm) repaint();
    drawPart(layer, pen, stroke.points[0], stroke.points[0]);
    frame.dispatchEvent(new CustomEvent("ukr-ink", { bubbles: true }));
  };

  const finish = (event) => {
    extend(event);
    performance.mark("ukr-pen-up");
    const { near, device, palms } = stroke;
    touched = device === "touch" ? [...touched, event.timeStamp] : [];
    const points = near ? stroke.points.slice(0, 1) : stroke.points;
    stroke = null;
    pending.set(++number, points);
    if (near) repaint();
    model.send({ kind: "stroke", number, device, points, palms });
    frame.dispatchEvent(new CustomEvent("ukr-sent", { bubbles: true }));
  };

  const mine = (handler) => (event) => stroke && event.pointerId === stroke.pointer && handler(event);
  const notice = (event) => {
    if (event.pointerType === "pen") penSeen = event.timeStamp;
  };
  for (const kind of ["pointerdown", "pointermove", "pointerup"]) layer.addEventListener(kind, notice);
  layer.addEventListener("pointerdown", begin);
  layer.addEventListener("pointermove", mine(extend));
  layer.addEventListener("pointerup", mine(finish));
  layer.addEventListener("pointercancel", mine(cancel));
  layer.addEventListener("lostpointercapture", mine(finish));
  layer.addEventListener("contextmenu", (event) => event.preventDefault());

  // The surface paints what came before this message; two frames later it is on the screen.
  const painted = ({ kind, number }) => {
    if (kind !== "painted") return;
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        pending.delete(number);
        repaint();
      }),
    );
  };
  model.on("msg:custom", painted);

  const resized = new ResizeObserver(() => {
    fitLayer(layer, pen.size);
    repaint();
  });
  resized.observe(layer);
  showSurface(model, frame);

  return () => {
    resized.disconnect();
    model.off("msg:custom", painted);
  };
}

export default { render };
