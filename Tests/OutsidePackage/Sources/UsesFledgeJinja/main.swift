import FledgeJinja

let template = try JinjaTemplate(
    parsing: "{% for m in messages %}{{ m.role }}: {{ m.content | trim }}\n{% endfor %}")
let text = try template.render(["messages": [["role": "user", "content": " Hi "]]]).text
precondition(text == "user: Hi\n")
print("FledgeJinja: \(text)")
